"""Episodes of random faults, each generated from its seed and judged by a checker that shares no code with dlock: tests/chaos."""

import os
import unittest

from chaos import campaign

EPISODES = int(os.environ.get("DLOCK_TEST_EPISODES", "200"))
AT_ONCE = 4 * os.cpu_count()  # other tests run at the same time; each episode waits most of the time
FIRST_SEED = 1


class Campaign(unittest.TestCase):
    def test_no_episode_of_random_faults_breaks_an_invariant(self):
        impossible = campaign.why_impossible()
        if impossible:
            self.skipTest(impossible)
        code = campaign.main(["--episodes", str(EPISODES), "--seed", str(FIRST_SEED), "--at-once", str(AT_ONCE)])
        self.assertEqual(code, 0, "the seeds above play what was found again: python3 -m chaos.campaign --episodes 1 --seed S --keep DIR")


if __name__ == "__main__":
    unittest.main()

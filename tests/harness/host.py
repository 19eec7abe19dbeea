"""Where the tests' servers listen: the loopback interface, or an address that other network namespaces reach (tests/chaos)."""

import os

HOST = os.environ.get("DLOCK_TEST_HOST", "127.0.0.1")

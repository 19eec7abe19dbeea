"""The base of tests with a misbehaving Redis."""

from .case import RedisCase
from .fake_redis import FakeRedis


class FakeRedisCase(RedisCase):
    """A real Redis, a life file, and fake servers in front of it that answer some commands themselves."""

    def setUp(self):
        super().setUp()
        self.life = self.life_file()

    def fake(self, answer):
        fake = FakeRedis(answer, self.redis.port)
        self.addCleanup(fake.stop)
        return fake

    def fake_store(self, fake):
        return self.store_at(f"redis://127.0.0.1:{fake.port}")

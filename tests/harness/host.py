"""The address of the test servers: loopback, or an address that other network namespaces can reach (tests/chaos)."""

import os

HOST = os.environ.get("DLOCK_TEST_HOST", "127.0.0.1")

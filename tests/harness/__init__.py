"""What the integration tests are made of. Run a file of them from tests/:

    DLOCK=../build/dev/dlock DLOCK_TOOLS=../build/dev/tests python3 -m unittest -v integration.test_exit_codes
"""

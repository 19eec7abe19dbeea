"""The building blocks of the integration tests. To run one of their files, in tests/:

    DLOCK=../build/dev/dlock DLOCK_TOOLS=../build/dev/tests python3 -m unittest -v integration.test_exit_codes
"""

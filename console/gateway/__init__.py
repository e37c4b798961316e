"""The gateway: the only way by which the console asks and acts."""

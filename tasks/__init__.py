"""What is done: the engine that runs jobs, the jobs, and the services they call."""

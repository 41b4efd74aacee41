"""Real servers for the tests, each started by itself; where one cannot be had, its tests skip with the reason."""

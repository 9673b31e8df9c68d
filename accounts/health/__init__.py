"""Health: whether the parts that a process needs are there, and how much waits behind them."""

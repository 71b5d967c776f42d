"""When runs are to be woken: a heap and one loop. It calls back, never up."""

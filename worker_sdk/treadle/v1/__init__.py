"""Messages and services of `treadle.v1`, generated from proto/ by `make proto`; never edited."""

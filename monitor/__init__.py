"""What an operator watches Sameroom by: metrics, health checks, structured logs."""

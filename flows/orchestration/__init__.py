"""Everything else that touches Prefect: blocks, artifacts, events, limits, pools, deployments, workers."""

"""`python -m flows.service.work`: the earlier name of `flows.orchestration.worker`, kept for saved compose files."""

from flows.orchestration.worker import main

if __name__ == "__main__":
    main()

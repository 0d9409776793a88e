"""`python -m flows.service.execute`: the earlier name of `flows.orchestration.run_entrypoint`, kept for saved pools."""

from flows.orchestration.run_entrypoint import main

if __name__ == "__main__":
    main()

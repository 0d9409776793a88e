"""One file for each page: its routes, thin. Each has `routes`, which `flows.web.app` puts together."""

"""Writing to a site: plan, approval, journal, apply, rollback. The only room that changes anything on a site."""

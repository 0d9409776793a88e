"""The page for people: how it is, which settings and days, what is written, and the way back; in a browser.

Thin: it reads run directories, and starts, cancels, applies and undoes only through the deployments of Prefect's
server, so that Prefect's own page shows the same. It holds nothing that may write to a site, and imports no Prefect.
"""

"""The course as static pages, which need no server and no network (`make site`)."""

"""Link requests: a site's account joins the customer whose code it was shown, once they approve."""

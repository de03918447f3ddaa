"""The port for messages: an outbox file by default, SMTP for e-mail, a webhook for SMS."""

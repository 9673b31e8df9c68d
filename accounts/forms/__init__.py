"""Forms: what people may send, checked before a service sees it."""

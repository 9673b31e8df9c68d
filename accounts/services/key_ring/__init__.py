"""The life of the key ring: new versions, which rows need which, and who knows them."""

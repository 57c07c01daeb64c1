"""The whole way in one call: command lines and inference."""

"""At which rate each limit on the way of an entry and of a read binds, and what to change next."""

/*
 * Which names a web server answers to. A page of an attacker can let its own name point to this machine (DNS
 * rebinding), and then read what is here: what its browser sends is that name in the header Host. Pure functions.
 */
#ifndef KITH_WEB_HOST_H
#define KITH_WEB_HOST_H

#include <stdbool.h>

#include "wire/address.h"

/*
 * Is the value of the header "localhost", the address to which this connection leads, or one of the names (separated
 * by commas; NULL for none)? Its port may be any: it is another one behind a tunnel.
 */
bool web_host_is_allowed(const char *header, const struct address *local, const char *names);
/* Is each of the names one that a header can have: letters, digits, dots and hyphens, without a port? */
bool web_host_are_names(const char *names);

#endif

/* As include/wire/nodeid.h: message includes nodeid, so nodeid may not include message. */
#include "wire/message.h"

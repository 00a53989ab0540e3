/* As src/book/wrong.c: includes a library's header and not the door to it. */
#include <json-c/json.h>

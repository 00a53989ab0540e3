/* As src/talk/wrong.c: writes to a socket. */
#include <sys/socket.h>

ssize_t wrong(void);

ssize_t wrong(void)
{
	return send(0, "", 1, 0);
}

#include "some_secrets.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"

struct secrets *secrets_of(const char *lines)
{
	char path[] = "/tmp/kith-secrets-XXXXXX";
	struct problem problem;
	int fd = mkstemp(path);
	must(fd >= 0 && write(fd, lines, strlen(lines)) == (ssize_t)strlen(lines));
	close(fd);
	struct secrets *secrets = secrets_read(path, "", &problem);
	must(secrets != NULL);
	unlink(path);
	return secrets;
}

struct tls_context *context_of(const char *lines)
{
	struct problem problem;
	struct tls_context *context = tls_context_new(secrets_of(lines), &problem);
	must(context != NULL);
	return context;
}

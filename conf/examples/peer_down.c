/* Prints a line for each peer of a node that goes: peer_down SOCKET. To build: cc -o peer_down peer_down.c -ljson-c */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *const keys[] = {"at", "name", "ending", "reason"};
	char line[8192];
	FILE *node = fdopen(socket(AF_UNIX, SOCK_STREAM, 0), "r");
	strncpy(address.sun_path, argc > 1 ? argv[1] : "", sizeof address.sun_path - 1);
	if (node == NULL || connect(fileno(node), (const struct sockaddr *)&address, sizeof address) != 0 ||
	    dprintf(fileno(node), "{\"msgtype\":\"watch\",\"kinds\":[\"peer_down\"]}\n") < 0)
		return perror(address.sun_path), 1;
	/* Rows without a time are no events: "lost" (events are missing), "error", "end" (the node stops). */
	for (struct json_object *row; fgets(line, sizeof line, node) != NULL; json_object_put(row)) {
		row = json_tokener_parse(line);
		for (int i = 0; i < 4 && json_object_object_get(row, "at") != NULL; i++) {
			struct json_object *value = json_object_object_get(row, keys[i]);
			/* A peer without a name has a nodeid. */
			value = value != NULL ? value : json_object_object_get(row, "nodeid");
			printf("%s%c", json_object_get_string(value), i < 3 ? ' ' : '\n');
		}
		fflush(stdout);
	}
	return 1;
}

#include "unit/kith/some_mesh.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"

void some_mesh_row(struct mesh *mesh, const char *format, ...)
{
	char text[2048];
	struct json_object *row = NULL;
	struct problem problem;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	CU_ASSERT_FATAL(json_parse(text, strlen(text), 4, &row, &problem));
	mesh_take(mesh, row);
	json_object_put(row);
}

void some_mesh_node(struct mesh *mesh, int number, const char *name, const char *rest)
{
	some_mesh_row(mesh, "{'msgtype':'node','nodeid':'n%d','name':%s%s%s,'state':'alive'%s}", number,
		      name == NULL ? "" : "'", name == NULL ? "null" : name, name == NULL ? "" : "'", rest);
}

void some_mesh_link(struct mesh *mesh, int one, int other, const char *state, const char *rest)
{
	some_mesh_row(mesh, "{'msgtype':'link','one':'n%d','other':'n%d','state':'%s'%s}", one, other, state, rest);
}

void some_mesh_four(struct mesh *mesh)
{
	mesh_init(mesh, SOME_MESH_NOW_S);
	some_mesh_row(mesh, "{'msgtype':'info','network':'prod'}");
	some_mesh_node(mesh, 1, "alpha", ",'is_self':true,'has_report':true,'report_s':0,'links':2");
	some_mesh_node(mesh, 2, "gamma", ",'has_report':true,'report_s':3,'rtt_ms':38,'links':1");
	some_mesh_node(mesh, 3, "beta", ",'has_report':true,'report_s':5,'rtt_ms':0.4,'links':1");
	some_mesh_row(mesh, "{'msgtype':'node','nodeid':'n4','name':'delta','state':'gone','state_s':180,"
			    "'reason':'crashed','has_report':false,'report_s':null,'links':0}");
	some_mesh_link(mesh, 1, 3, "up", ",'rtt_ms':0.5");
	some_mesh_link(mesh, 2, 1, "one_way", ",'rtt_ms':38,'one_says':'timed out'");
	some_mesh_link(mesh, 3, 2, "down", ",'down_s':60,'one_says':'timed out','other_says':'connection refused'");
	some_mesh_link(mesh, 1, 4, "down", ",'down_s':180");
}

void some_mesh_full(struct mesh *mesh, int nodes, const char *const *mix)
{
	static const char *const up[] = {"up", NULL};
	size_t turn = 0;
	mix = mix == NULL ? up : mix;
	mesh_init(mesh, SOME_MESH_NOW_S);
	for (int i = 0; i < nodes; i++)
		some_mesh_row(mesh,
			      "{'msgtype':'node','nodeid':'n%d','name':'web-eu-%03d','state':'alive','is_self':%s,"
			      "'has_report':true,'report_s':%d.5,'rtt_ms':0.%d,'address':'10.0.0.%d:5999'}",
			      i, i, i == 0 ? "true" : "false", i * 37 % 4000, i % 9 + 1, i);
	for (int i = 0; i < nodes; i++)
		for (int j = i + 1; j < nodes; j++) {
			some_mesh_link(mesh, i, j, mix[turn], ",'rtt_ms':0.5,'one_says':'timed out, 9 times'");
			turn = mix[turn + 1] == NULL ? 0 : turn + 1;
		}
	CU_ASSERT(mesh_finish(mesh));
}

size_t some_mesh_count(const char *text, const char *words)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, words)) != NULL; at += strlen(words))
		count++;
	return count;
}

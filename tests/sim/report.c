#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

void report_fini(struct report *report)
{
	free(report->figures);
	report->figures = NULL;
	report->count = 0;
}

void report_add(struct report *report, const char *run, const char *name, double value, int decimals)
{
	report->figures = realloc(report->figures, (report->count + 1) * sizeof *report->figures);
	must(report->figures != NULL);
	struct figure *figure = &report->figures[report->count++];
	*figure = (struct figure){.value = value, .decimals = decimals};
	snprintf(figure->run, sizeof figure->run, "%s", run);
	snprintf(figure->name, sizeof figure->name, "%s", name);
}

double report_find(const struct report *report, const char *run, const char *name)
{
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->figures[i].run, run) == 0 && strcmp(report->figures[i].name, name) == 0)
			return report->figures[i].value;
	return NAN;
}

static bool is_same(double one, double other)
{
	return one == other || (isnan(one) && isnan(other));
}

bool report_equals(const struct report *one, const struct report *other)
{
	bool equal = one->count == other->count;
	for (size_t i = 0; equal && i < one->count; i++)
		equal = strcmp(one->figures[i].run, other->figures[i].run) == 0 &&
			strcmp(one->figures[i].name, other->figures[i].name) == 0 &&
			is_same(one->figures[i].value, other->figures[i].value);
	return equal;
}

void report_print(const struct report *report, FILE *out)
{
	fprintf(out, "| run | figure | value |\n| --- | --- | ---: |\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct figure *figure = &report->figures[i];
		fprintf(out, "| %s | %s | ", figure->run, figure->name);
		if (isnan(figure->value))
			fprintf(out, "never |\n");
		else
			fprintf(out, "%.*f |\n", figure->decimals, figure->value);
	}
}

FILE *report_open_curve(const struct report *report, const char *run, const char *name)
{
	char path[4096];
	if (report->directory == NULL)
		return NULL;
	snprintf(path, sizeof path, "%s/%s%s%s.dat", report->directory, run, name == NULL ? "" : "-",
		 name == NULL ? "" : name);
	FILE *file = fopen(path, "we");
	if (file == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	return file;
}

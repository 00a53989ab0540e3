#include "results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

void results_fini(struct results *results)
{
	free(results->figures);
	results->figures = NULL;
	results->count = 0;
}

void results_add(struct results *results, const char *run, const char *name, double value, int decimals)
{
	results->figures = realloc(results->figures, (results->count + 1) * sizeof *results->figures);
	must(results->figures != NULL);
	struct figure *figure = &results->figures[results->count++];
	*figure = (struct figure){.value = value, .decimals = decimals};
	snprintf(figure->run, sizeof figure->run, "%s", run);
	snprintf(figure->name, sizeof figure->name, "%s", name);
}

double results_find(const struct results *results, const char *run, const char *name)
{
	for (size_t i = 0; i < results->count; i++)
		if (strcmp(results->figures[i].run, run) == 0 && strcmp(results->figures[i].name, name) == 0)
			return results->figures[i].value;
	return NAN;
}

static bool is_same(double one, double other)
{
	return one == other || (isnan(one) && isnan(other));
}

bool results_equals(const struct results *one, const struct results *other)
{
	bool equal = one->count == other->count;
	for (size_t i = 0; equal && i < one->count; i++)
		equal = strcmp(one->figures[i].run, other->figures[i].run) == 0 &&
			strcmp(one->figures[i].name, other->figures[i].name) == 0 &&
			is_same(one->figures[i].value, other->figures[i].value);
	return equal;
}

void results_print(const struct results *results, FILE *out)
{
	fprintf(out, "| run | figure | value |\n| --- | --- | ---: |\n");
	for (size_t i = 0; i < results->count; i++) {
		const struct figure *figure = &results->figures[i];
		fprintf(out, "| %s | %s | ", figure->run, figure->name);
		if (isnan(figure->value))
			fprintf(out, "never |\n");
		else
			fprintf(out, "%.*f |\n", figure->decimals, figure->value);
	}
}

FILE *results_open_curve(const struct results *results, const char *run, const char *name)
{
	char path[4096];
	if (results->directory == NULL)
		return NULL;
	snprintf(path, sizeof path, "%s/%s%s%s.dat", results->directory, run, name == NULL ? "" : "-",
		 name == NULL ? "" : name);
	FILE *file = fopen(path, "we");
	if (file == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	return file;
}

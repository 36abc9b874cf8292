/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/problem.o */
/* LIBS: jansson */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "policy/problem.h"

static char *printed(const struct problems *list)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	problem_print(list, out);
	fclose(out);
	return text;
}

static void assert_printed(const struct problems *list, const char *expected)
{
	char *text = printed(list);

	assert_string_equal(text, expected);
	free(text);
}

static void test_print(void **context)
{
	struct problems list = { 0 };

	(void)context;
	problem_add(&list, PROBLEM_ERROR, "a.conf", 7, "gateway.mode", "\"%s\" is %d", "x", 5);
	problem_add(&list, PROBLEM_WARNING, "a.conf", 0, "gateway", "no line");
	problem_add(&list, PROBLEM_WARNING, "", 3, "", "no file");
	problem_add(&list, PROBLEM_ERROR, NULL, 0, NULL, "nothing known");
	assert_int_equal(list.count, 4);
	assert_int_equal(list.errors, 2);
	assert_printed(&list, "a.conf:7: error: gateway.mode: \"x\" is 5\n"
			      "a.conf: warning: gateway: no line\n"
			      "warning: no file\n"
			      "error: nothing known\n");
	problem_clear(&list);
	assert_null(list.items);
	assert_int_equal(list.count + list.errors, 0);
}

/* Nothing that stands in a file can forge a line or move the terminal's cursor. */
static void test_escaped(void **context)
{
	struct problems list = { 0 };

	(void)context;
	problem_add(&list, PROBLEM_ERROR, "a\nb", 1, "x\033", "%s", "caf\xc3\xa9\tb.conf:9: error\n \"\\ \x7f");
	assert_printed(&list, "a\\010b:1: error: x\\027: caf\\195\\169\\009b.conf:9: error\\010 \"\\ \\127\n");
	problem_clear(&list);
}

static void test_sort(void **context)
{
	struct problems list = { 0 };

	(void)context;
	problem_sort(&list);
	problem_add(&list, PROBLEM_ERROR, "b", 1, "", "5");
	problem_add(&list, PROBLEM_ERROR, "a", 9, "", "3");
	problem_add(&list, PROBLEM_WARNING, "a", 9, "", "4");
	problem_add(&list, PROBLEM_ERROR, "a", 2, "", "2");
	problem_add(&list, PROBLEM_ERROR, "a", 0, "", "1");
	problem_sort(&list);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(atoi(list.items[i].text), i + 1);
	problem_clear(&list);
}

static void test_many(void **context)
{
	struct problems list = { 0 };

	(void)context;
	for (unsigned int i = 0; i < 1000; i++)
		problem_add(&list, PROBLEM_ERROR, "f", 1000 - i, "", "%u", i);
	problem_sort(&list);
	assert_int_equal(list.count, 1000);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(list.items[i].line, i + 1);
	problem_clear(&list);
}

static json_t *as_json(const struct problems *list)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *root;

	assert_int_equal(problem_print_json(list, out), 0);
	fclose(out);
	assert_int_equal(text[size - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + size - 1);
	root = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(root);
	return root;
}

static void test_json(void **context)
{
	struct problems list = { 0 };
	const char *severity, *file, *setting, *text;
	json_int_t api, errors, warnings, line;
	int ok;
	json_t *root, *items;

	(void)context;
	problem_add(&list, PROBLEM_WARNING, "a\xff", 7, "gateway.x", "say \"%s\"", "hello");
	root = as_json(&list);
	assert_int_equal(json_unpack(root, "{s:I, s:b, s:I, s:I, s:o !}", "api", &api, "ok", &ok, "errors", &errors,
				     "warnings", &warnings, "problems", &items),
			 0);
	assert_true(api == 1 && ok && errors == 0 && warnings == 1);
	assert_int_equal(json_unpack(json_array_get(items, 0), "{s:s, s:s, s:I, s:s, s:s !}", "severity", &severity,
				     "file", &file, "line", &line, "setting", &setting, "text", &text),
			 0);
	assert_string_equal(severity, "warning");
	assert_string_equal(file, "a\\255");
	assert_int_equal(line, 7);
	assert_string_equal(setting, "gateway.x");
	assert_string_equal(text, "say \"hello\"");
	json_decref(root);
	problem_add(&list, PROBLEM_ERROR, "", 0, "", "bad");
	root = as_json(&list);
	assert_false(json_is_true(json_object_get(root, "ok")));
	assert_int_equal(json_array_size(json_object_get(root, "problems")), 2);
	json_decref(root);
	problem_clear(&list);
}

static void test_nearest(void **context)
{
	static const char *const names[] = { "interfaces", "clients", "resolvers", "mode", "log-level", "to", NULL };
	static const struct {
		const char *word, *nearest;
	} rows[] = {
		{ "interface", "interfaces" },
		{ "Interfaces", "interfaces" },
		{ "interfaecs", "interfaces" },
		{ "interfaces", "interfaces" },
		{ "loglevel", "log-level" },
		{ "log_level", "log-level" },
		{ "mod", "mode" },
		{ "mdoe", "mode" },
		{ "made", "mode" },
		{ "node", "mode" },
		{ "nodes", NULL },
		{ "t", NULL },
		{ "tp", "to" },
		{ "xy", NULL },
		{ "", NULL },
		{ "completely-different", NULL },
		{ "resolver", "resolvers" },
		{ "interfacesinterfacesinterfacesinterfacesinterfacesinterfacesinterfaces", NULL },
	};

	(void)context;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = problem_nearest(rows[i].word, names);

		if (rows[i].nearest == NULL ? found != NULL : found == NULL || strcmp(found, rows[i].nearest) != 0)
			fail_msg("%s: %s", rows[i].word, found == NULL ? "(none)" : found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print), cmocka_unit_test(test_escaped), cmocka_unit_test(test_sort),
		cmocka_unit_test(test_many),  cmocka_unit_test(test_json),    cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

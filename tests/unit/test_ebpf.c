/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: netfilter/ebpf.o netfilter/filter_object.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <unistd.h>

#include "kmod-optional/fqdn_filter.h"
#include "netfilter/ebpf.h"
#include "netfilter/filter_object.h"

static const int no_maps[FQDN_FILTER_MAPS] = { -1, -1, -1, -1, -1 };

/* In memory of its own, so that the sanitizer sees what reads behind the end. */
static int load(const void *object, size_t size, size_t map_count)
{
	uint8_t *copy = malloc(size + !size);
	int result;

	memcpy(copy, object, size);
	result = ebpf_load(copy, size, FQDN_FILTER_ASKS_KNOWN, FQDN_FILTER_MAGIC, no_maps, map_count);
	free(copy);
	return result;
}

/* Cut off anywhere, the object has no section headers any more: they are the last thing in it. */
static void test_cut_short(void **state)
{
	size_t size;
	const void *object = filter_object(&size);

	(void)state;
	if (size == 0)
		skip();
	for (size_t held = 0; held < size; held += held < 128 ? 1 : 61)
		assert_int_equal(load(object, held, FQDN_FILTER_MAPS), -EBADMSG);
	assert_int_equal(load(object, size - 1, FQDN_FILTER_MAPS), -EBADMSG);
}

static void test_not_elf(void **state)
{
	Elf64_Ehdr header = { 0 };

	(void)state;
	assert_int_equal(load(&header, sizeof(header), 1), -EBADMSG);
	memcpy(header.e_ident, ELFMAG, SELFMAG);
	assert_int_equal(load(&header, sizeof(header), 1), -EBADMSG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	assert_int_equal(load(&header, sizeof(header), 1), -EBADMSG); /* no sections */
	header.e_shoff = UINT64_MAX;
	header.e_shnum = 3;
	assert_int_equal(load(&header, sizeof(header), 1), -EBADMSG);
}

/* A number of a map that is none; with all of them the kernel is asked, and does not take -1 for a map. */
static void test_map_numbers(void **state)
{
	size_t size;
	const void *object = filter_object(&size);
	int result;

	(void)state;
	if (size == 0)
		skip();
	assert_int_equal(load(object, size, FQDN_FILTER_MAPS - 1), -EBADMSG);
	result = load(object, size, FQDN_FILTER_MAPS);
	assert_true(result < 0 && result != -EBADMSG);
}

/* The relocations of the program, in a copy of the object; NULL: there are none. */
static Elf64_Rel *relocations(uint8_t *object, size_t *count)
{
	const Elf64_Ehdr *header = (const void *)object;
	const Elf64_Shdr *sections = (const void *)(object + header->e_shoff);
	const char *names = (const char *)object + sections[header->e_shstrndx].sh_offset;

	for (size_t i = 0; i < header->e_shnum; i++)
		if (strcmp(names + sections[i].sh_name, ".rel" FQDN_FILTER_ASKS_KNOWN) == 0) {
			*count = sections[i].sh_size / sizeof(Elf64_Rel);
			return (Elf64_Rel *)(object + sections[i].sh_offset);
		}
	return NULL;
}

static int load_changed(size_t which, uint64_t offset, uint64_t info)
{
	size_t size, count = 0;
	const void *object = filter_object(&size);
	uint8_t *copy = malloc(size);
	Elf64_Rel *all;
	int result;

	memcpy(copy, object, size);
	all = relocations(copy, &count);
	assert_non_null(all);
	assert_true(which < count);
	all[which].r_offset = offset ? offset : all[which].r_offset;
	all[which].r_info = info ? info : all[which].r_info;
	result = ebpf_load(copy, size, FQDN_FILTER_ASKS_KNOWN, FQDN_FILTER_MAGIC, no_maps, FQDN_FILTER_MAPS);
	free(copy);
	return result;
}

/* Where the steps of loops stand: three of them. No place outside of the program is taken. */
static void test_steps(void **state)
{
	size_t size;

	(void)state;
	filter_object(&size);
	if (size == 0)
		skip();
	for (size_t i = 0; i < 3; i++) {
		assert_int_not_equal(load_changed(i, 0, 0), -EBADMSG);
		assert_int_equal(load_changed(i, UINT64_MAX, 0), -EBADMSG);
		assert_int_equal(load_changed(i, 1 << 20, 0), -EBADMSG);
		assert_int_equal(load_changed(i, 8, 0), -EBADMSG); /* takes no address */
		assert_int_equal(load_changed(i, 0, ELF64_R_INFO(1000000, 1)), -EBADMSG);
		assert_int_equal(load_changed(i, 0, ELF64_R_INFO(1, 1)),
				 -EBADMSG); /* the file's symbol: in no section */
	}
}

/* Making a map needs CAP_BPF, where kernel.unprivileged_bpf_disabled says so; changing one that is open does not. */
static int makes(int map)
{
	int made = ebpf_map(BPF_MAP_TYPE_LRU_HASH, 8, 8, 4, 0, -1);

	(void)map;
	if (made >= 0)
		close(made);
	return made < 0 ? made : 0;
}

static int sets_many(int map)
{
	const uint64_t keys[3] = { 7, 8, 9 }, values[3] = { 70, 80, 90 };
	uint64_t value = 0;

	assert_int_equal(ebpf_set_all(map, keys, values, 3), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(ebpf_get(map, &keys[i], &value), 0);
		assert_int_equal(value, values[i]);
	}
	return 0;
}

static int changes(int map)
{
	uint64_t key = 1, value = 2, next = 0;

	assert_int_equal(ebpf_set(map, &key, &value), 0);
	assert_int_equal(ebpf_get(map, &key, &value), 0);
	assert_int_equal(ebpf_next(map, NULL, &next), 0);
	assert_int_equal(next, key);
	assert_int_equal(ebpf_next(map, &key, &next), -ENOENT);
	assert_int_equal(ebpf_delete(map, &key), 0);
	return sets_many(map);
}

static void test_without_capabilities(void **state)
{
	int map = ebpf_map(BPF_MAP_TYPE_HASH, 8, 8, 4, 0, -1);

	(void)state;
	if (map < 0)
		skip();
	assert_int_equal(ebpf_without_capabilities(makes, map), -EPERM);
	assert_int_equal(makes(map), 0);
	assert_int_equal(ebpf_without_capabilities(changes, map), 0);
	close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_not_elf),
		cmocka_unit_test(test_map_numbers),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_without_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ebpf.h"

#include <elf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ebpf_call(enum bpf_cmd command, union bpf_attr *attributes)
{
	long result = syscall(__NR_bpf, command, attributes, sizeof(*attributes));

	return result < 0 ? -errno : (int)result;
}

int ebpf_map(unsigned int type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags, int inner)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes)); /* the padding, too */
	attributes.map_type = type;
	attributes.key_size = key_size;
	attributes.value_size = value_size;
	attributes.max_entries = entries;
	attributes.map_flags = flags;
	if (inner >= 0)
		attributes.inner_map_fd = (uint32_t)inner;
	return ebpf_call(BPF_MAP_CREATE, &attributes);
}

static int ebpf_element(enum bpf_cmd command, int map, const void *key, const void *value)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_fd = (uint32_t)map;
	attributes.key = (uintptr_t)key;
	attributes.value = (uintptr_t)value;
	return ebpf_call(command, &attributes);
}

int ebpf_set(int map, const void *key, const void *value)
{
	return ebpf_element(BPF_MAP_UPDATE_ELEM, map, key, value);
}

int ebpf_get(int map, const void *key, void *value)
{
	return ebpf_element(BPF_MAP_LOOKUP_ELEM, map, key, value);
}

int ebpf_next(int map, const void *key, void *next)
{
	return ebpf_element(BPF_MAP_GET_NEXT_KEY, map, key, next);
}

int ebpf_delete(int map, const void *key)
{
	return ebpf_element(BPF_MAP_DELETE_ELEM, map, key, NULL);
}

/* Before Linux 5.19 kernel.unprivileged_bpf_disabled keeps elements from who has no CAP_BPF, too. */
int ebpf_without_capabilities(int (*attempt)(int map), int map)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3], none[_LINUX_CAPABILITY_U32S_3];
	int result;

	if (syscall(SYS_capget, &header, held) < 0)
		return -errno;
	memcpy(none, held, sizeof(none));
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		none[i].effective = 0;
	if (syscall(SYS_capset, &header, none) < 0)
		return -errno;
	result = attempt(map);
	return syscall(SYS_capset, &header, held) < 0 ? -errno : result;
}

/* ---- the program ---- */

/* What an ELF file holds at an offset, when all of it is there; NULL. */
static const void *ebpf_at(const uint8_t *object, size_t size, uint64_t offset, uint64_t length)
{
	return offset <= size && length <= size - offset ? object + offset : NULL;
}

static const Elf64_Shdr *ebpf_section(const uint8_t *object, size_t size, const char *name)
{
	const Elf64_Ehdr *header = ebpf_at(object, size, 0, sizeof(*header));
	const Elf64_Shdr *sections, *names;

	if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64)
		return NULL;
	sections = ebpf_at(object, size, header->e_shoff, (uint64_t)header->e_shnum * sizeof(*sections));
	if (!sections || header->e_shstrndx >= header->e_shnum)
		return NULL;
	names = &sections[header->e_shstrndx];
	for (unsigned int i = 0; i < header->e_shnum; i++) {
		const char *found = ebpf_at(object, size, names->sh_offset + sections[i].sh_name, strlen(name) + 1);

		if (found && strcmp(found, name) == 0)
			return &sections[i];
	}
	return NULL;
}

/* Puts file descriptors where the numbers of maps are. */
static int ebpf_resolve(struct bpf_insn *program, size_t count, uint32_t magic, const int *maps, size_t map_count)
{
	for (size_t i = 0; i + 1 < count; i++) {
		struct bpf_insn *low = &program[i], *high = low + 1;

		if (low->code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		i++;
		if ((uint32_t)high->imm != magic)
			continue;
		if ((uint32_t)low->imm >= map_count)
			return -EBADMSG;
		low->src_reg = BPF_PSEUDO_MAP_FD;
		low->imm = maps[low->imm];
		high->imm = 0;
	}
	return 0;
}

int ebpf_load(const void *object, size_t size, const char *name, uint32_t magic, const int *maps, size_t count)
{
	const Elf64_Shdr *section = ebpf_section(object, size, name);
	const void *code = section ? ebpf_at(object, size, section->sh_offset, section->sh_size) : NULL;
	struct bpf_insn *program;
	union bpf_attr attributes;
	int result;

	if (!code || section->sh_size == 0)
		return -EBADMSG;
	program = malloc(section->sh_size);
	if (!program)
		return -ENOMEM;
	memcpy(program, code, section->sh_size);
	result = ebpf_resolve(program, section->sh_size / sizeof(*program), magic, maps, count);
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attributes.insns = (uintptr_t)program;
	attributes.insn_cnt = (uint32_t)(section->sh_size / sizeof(*program));
	attributes.license = (uintptr_t) "GPL";
	memcpy(attributes.prog_name, "nfqdn", sizeof("nfqdn"));
	if (result == 0)
		result = ebpf_call(BPF_PROG_LOAD, &attributes);
	free(program);
	return result;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ebpf.h"

#include <elf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EBPF_SECTION_NAME 64
#define EBPF_FUNCTIONS 8 /* of one program */

/* As they stand in ebpf_types(). */
enum { EBPF_TYPE_NUMBER = 1, EBPF_TYPE_PROTOTYPE, EBPF_TYPE_FUNCTION };

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

int ebpf_set_all(int map, const void *keys, const void *values, uint32_t count)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.batch.map_fd = (uint32_t)map;
	attributes.batch.keys = (uintptr_t)keys;
	attributes.batch.values = (uintptr_t)values;
	attributes.batch.count = count;
	return ebpf_call(BPF_MAP_UPDATE_BATCH, &attributes);
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

static const Elf64_Shdr *ebpf_section_at(const uint8_t *object, uint32_t number)
{
	const Elf64_Ehdr *header = (const void *)object;

	return number < header->e_shnum ? (const Elf64_Shdr *)(const void *)(object + header->e_shoff) + number : NULL;
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

/* A program whose steps of loops, functions of their own, are known by where they begin. */
struct ebpf_program {
	const uint8_t *object; /* the ELF file */
	size_t size;
	const Elf64_Shdr *section;
	struct bpf_insn *insns;
	size_t count;
	struct bpf_func_info functions[EBPF_FUNCTIONS]; /* the first is the program itself */
	uint32_t function_count;
};

static const Elf64_Sym *ebpf_symbol(const struct ebpf_program *program, uint32_t table, uint64_t number)
{
	const Elf64_Ehdr *header = (const void *)program->object;
	const Elf64_Shdr *symbols = (const void *)(program->object + header->e_shoff);

	symbols += table;
	if (table >= header->e_shnum || number >= symbols->sh_size / sizeof(Elf64_Sym))
		return NULL;
	return ebpf_at(program->object, program->size, symbols->sh_offset + number * sizeof(Elf64_Sym),
		       sizeof(Elf64_Sym));
}

/* Keeps the functions in their order, each once. */
static int ebpf_add_function(struct ebpf_program *program, uint32_t begin)
{
	struct bpf_func_info *functions = program->functions;
	uint32_t at = program->function_count;

	while (at > 0 && functions[at - 1].insn_off > begin)
		at--;
	if (at > 0 && functions[at - 1].insn_off == begin)
		return 0;
	if (program->function_count == EBPF_FUNCTIONS)
		return -EBADMSG;
	memmove(&functions[at + 1], &functions[at], (program->function_count - at) * sizeof(functions[0]));
	functions[at] = (struct bpf_func_info) { .insn_off = begin, .type_id = EBPF_TYPE_FUNCTION };
	program->function_count++;
	return 0;
}

/* The address of a step is how far it is from the instruction that takes it. It stands in the same section. */
static int ebpf_place_step(struct ebpf_program *program, uint32_t table, const Elf64_Rel *relocation)
{
	const Elf64_Sym *symbol = ebpf_symbol(program, table, ELF64_R_SYM(relocation->r_info));
	const Elf64_Shdr *section = ebpf_section_at(program->object, symbol ? symbol->st_shndx : SHN_UNDEF);
	uint64_t at = relocation->r_offset / sizeof(struct bpf_insn), begin;
	struct bpf_insn *low;

	if (!symbol || section != program->section || at + 1 >= program->count)
		return -EBADMSG;
	low = &program->insns[at];
	begin = (symbol->st_value + (uint32_t)low->imm) / sizeof(*low);
	if (low->code != (BPF_LD | BPF_IMM | BPF_DW) || begin >= program->count)
		return -EBADMSG;
	low->imm = (int32_t)begin - (int32_t)at - 1;
	low->src_reg = BPF_PSEUDO_FUNC;
	return ebpf_add_function(program, (uint32_t)begin);
}

static int ebpf_place_steps(struct ebpf_program *program, const char *name)
{
	char text[EBPF_SECTION_NAME];
	const Elf64_Shdr *relocations;
	const Elf64_Rel *all;
	int error = ebpf_add_function(program, 0);

	snprintf(text, sizeof(text), ".rel%s", name);
	relocations = ebpf_section(program->object, program->size, text);
	if (!relocations)
		return error;
	all = ebpf_at(program->object, program->size, relocations->sh_offset, relocations->sh_size);
	if (!all)
		return -EBADMSG;
	for (size_t i = 0; i < relocations->sh_size / sizeof(*all) && error == 0; i++)
		error = ebpf_place_step(program, relocations->sh_link, &all[i]);
	return error;
}

/* The verifier wants every function's type from who loads one that has steps: here all are `static int nfqdn()`. */
static int ebpf_types(void)
{
	static const char names[] = "\0nfqdn";
	struct {
		struct btf_header header;
		struct btf_type number;
		uint32_t bits;
		struct btf_type prototype, function;
		char names[sizeof(names)];
	} types = {
		.header = { .magic = BTF_MAGIC, .version = BTF_VERSION, .hdr_len = sizeof(struct btf_header) },
		.number = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
		.bits = BTF_INT_SIGNED << 24 | 32,
		.prototype = { .info = BTF_KIND_FUNC_PROTO << 24, .type = EBPF_TYPE_NUMBER },
		.function = { .name_off = 1,
			      .info = BTF_KIND_FUNC << 24 | BTF_FUNC_STATIC,
			      .type = EBPF_TYPE_PROTOTYPE },
	};
	union bpf_attr attributes;

	memcpy(types.names, names, sizeof(names));
	types.header.type_len = types.header.str_off = offsetof(typeof(types), names) - sizeof(types.header);
	types.header.str_len = sizeof(names);
	memset(&attributes, 0, sizeof(attributes));
	attributes.btf = (uintptr_t)&types;
	attributes.btf_size = (uint32_t)(offsetof(typeof(types), names) + sizeof(names));
	return ebpf_call(BPF_BTF_LOAD, &attributes);
}

static int ebpf_call_load(const struct ebpf_program *program)
{
	union bpf_attr attributes;
	int types = program->function_count > 1 ? ebpf_types() : 0, result;

	if (types < 0)
		return types;
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attributes.insns = (uintptr_t)program->insns;
	attributes.insn_cnt = (uint32_t)program->count;
	attributes.license = (uintptr_t) "GPL";
	memcpy(attributes.prog_name, "nfqdn", sizeof("nfqdn"));
	if (program->function_count > 1) {
		attributes.prog_btf_fd = (uint32_t)types;
		attributes.func_info = (uintptr_t)program->functions;
		attributes.func_info_cnt = program->function_count;
		attributes.func_info_rec_size = sizeof(program->functions[0]);
	}
	result = ebpf_call(BPF_PROG_LOAD, &attributes);
	if (program->function_count > 1)
		close(types);
	return result;
}

int ebpf_load(const void *object, size_t size, const char *name, uint32_t magic, const int *maps, size_t count)
{
	struct ebpf_program program = { .object = object, .size = size, .section = ebpf_section(object, size, name) };
	const void *code =
		program.section ? ebpf_at(object, size, program.section->sh_offset, program.section->sh_size) : NULL;
	int result;

	if (!code || program.section->sh_size == 0)
		return -EBADMSG;
	program.insns = malloc(program.section->sh_size);
	if (!program.insns)
		return -ENOMEM;
	memcpy(program.insns, code, program.section->sh_size);
	program.count = program.section->sh_size / sizeof(*program.insns);
	result = ebpf_resolve(program.insns, program.count, magic, maps, count);
	if (result == 0)
		result = ebpf_place_steps(&program, name);
	if (result == 0)
		result = ebpf_call_load(&program);
	free(program.insns);
	return result;
}

/*
 * standalone.c
 *		Memory for pure code outside the server: an arena over malloc.
 *
 * Every block is chained, so that a test (or one fuzz input) frees everything
 * with mem_reset(), as the server does by resetting a MemoryContext.  Each
 * block is a malloc of its own: AddressSanitizer then sees every overrun.
 */
#include "core/base.h"

typedef struct Block
{
	struct Block *previous;
	struct Block *next;
	size_t		size;
} Block;

static Block head = {&head, &head, 0};

/* As in the server: one allocation is below 1 GB, anything else is a bug in the caller. */
#define MAX_ALLOCATION ((size_t) 0x3fffffff)

static Block *
block_of(void *p)
{
	return (Block *) ((char *) p - sizeof(Block));
}

void *
mem_alloc(size_t size)
{
	Block	   *block;

	if (size > MAX_ALLOCATION || (block = malloc(sizeof(Block) + size)) == NULL)
	{
		fprintf(stderr, "mem_alloc: cannot have %zu bytes\n", size);
		abort();
	}
	block->size = size;
	block->previous = &head;
	block->next = head.next;
	head.next->previous = block;
	head.next = block;
	return block + 1;
}

void *
mem_alloc_zero(size_t size)
{
	return memset(mem_alloc(size), 0, size);
}

void *
mem_realloc(void *p, size_t size)
{
	Block	   *block = block_of(p);
	void	   *copy = mem_alloc(size);

	memcpy(copy, p, block->size < size ? block->size : size);
	mem_free(p);
	return copy;
}

void
mem_free(void *p)
{
	Block	   *block = block_of(p);

	block->previous->next = block->next;
	block->next->previous = block->previous;
	free(block);
}

void
mem_reset(void)
{
	while (head.next != &head)
		mem_free(head.next + 1);
}

/*
 * rows.c
 *		Collecting rows and sending them to one statement as arrays.
 */
#include "compat.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/rows.h"

void
rows_init(Rows *rows, int columns, const Oid *types)
{
	Assert(columns <= ROWS_MAX_COLUMNS);
	memset(rows, 0, sizeof(Rows));
	rows->columns = columns;
	rows->types = types;
}

void
rows_add(Rows *rows)
{
	if (rows->count == rows->capacity)
	{
		int			capacity = rows->capacity == 0 ? 64 : rows->capacity * 2;

		for (int i = 0; i < rows->columns; i++)
		{
			if (rows->capacity == 0)
			{
				rows->values[i] = palloc(sizeof(Datum) * capacity);
				rows->nulls[i] = palloc(sizeof(bool) * capacity);
			}
			else
			{
				rows->values[i] = repalloc(rows->values[i], sizeof(Datum) * capacity);
				rows->nulls[i] = repalloc(rows->nulls[i], sizeof(bool) * capacity);
			}
		}
		rows->capacity = capacity;
	}
	for (int i = 0; i < rows->columns; i++)
	{
		rows->values[i][rows->count] = (Datum) 0;
		rows->nulls[i][rows->count] = true;
	}
	rows->count++;
}

void
rows_set(Rows *rows, int column, Datum value)
{
	Assert(rows->count > 0 && column < rows->columns);
	rows->values[column][rows->count - 1] = value;
	rows->nulls[column][rows->count - 1] = false;
}

void
rows_set_text(Rows *rows, int column, const char *text)
{
	if (text != NULL)
		rows_set(rows, column, CStringGetTextDatum(text));
}

void
rows_arrays(Rows *rows, Datum *arrays)
{
	int			dimensions[1] = {rows->count};
	int			lower_bounds[1] = {1};

	for (int i = 0; i < rows->columns; i++)
	{
		int16		length;
		bool		by_value;
		char		alignment;

		get_typlenbyvalalign(rows->types[i], &length, &by_value, &alignment);
		arrays[i] = PointerGetDatum(construct_md_array(rows->values[i], rows->nulls[i], 1, dimensions,
													   lower_bounds, rows->types[i],
													   length, by_value, alignment));
	}
	rows->count = 0;
}

uint64
rows_flush(Rows *rows, Statement *statement)
{
	Datum		arrays[ROWS_MAX_COLUMNS];

	if (rows->count == 0)
		return 0;
	Assert(statement->argument_count == rows->columns);
	rows_arrays(rows, arrays);
	return store_write(statement, arrays, NULL, 0);
}

void
rows_each(Rows *rows, Statement *statement)
{
	Datum		values[ROWS_MAX_COLUMNS];
	char		nulls[ROWS_MAX_COLUMNS];

	Assert(statement->argument_count == rows->columns);
	for (int row = 0; row < rows->count; row++)
	{
		for (int i = 0; i < rows->columns; i++)
		{
			values[i] = rows->values[i][row];
			nulls[i] = rows->nulls[i][row] ? 'n' : ' ';
		}
		store_write(statement, values, nulls, 0);
	}
	rows->count = 0;
}

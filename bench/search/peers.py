"""The same products and queries on Tantivy and on SQLite's FTS5, inside one process each.

Reads a file of products and one of queries, and writes one JSON document: for each of the two how
long the index took, how large it is, how long each query took, and the ten ids that it found. Asked
as we ask: every word first, and any of them where that finds fewer than five.
"""
import json
import os
import re
import shutil
import sqlite3
import sys
import time

import tantivy

FIELDS = {"name": 1.0, "brand": 0.4, "facts": 0.2, "description": 0.1}
FEW = 5
SHOWN = 10
PASSES = 2


def products(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def words(text):
    return re.findall(r"\w+", text.lower())


def size_of(folder):
    return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))


def in_tantivy(path, folder):
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    for field in FIELDS:
        builder.add_text_field(field, tokenizer_name="en_stem")
    index = tantivy.Index(builder.build(), path=folder)
    writer = index.writer(128_000_000, 1)
    for product in products(path):
        writer.add_document(tantivy.Document(**product))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def find(typed, every):
        query = index.parse_query(
            " ".join(words(typed)), list(FIELDS), field_boosts=FIELDS, conjunction_by_default=every
        )
        hits = searcher.search(query, SHOWN).hits
        return [searcher.doc(address)["id"][0] for _, address in hits]

    return find


def in_sqlite(path, folder):
    db = sqlite3.connect(os.path.join(folder, "products.db"))
    columns = ", ".join(FIELDS)
    db.execute(
        f"CREATE VIRTUAL TABLE p USING fts5(id UNINDEXED, {columns}, "
        "tokenize = 'porter unicode61 remove_diacritics 2')"
    )
    rows = ([p["id"], *(p[field] for field in FIELDS)] for p in products(path))
    db.executemany("INSERT INTO p VALUES (?, ?, ?, ?, ?)", rows)
    db.execute("INSERT INTO p (p) VALUES ('optimize')")
    db.commit()
    weights = ", ".join(str(weight) for weight in FIELDS.values())
    text = f"SELECT id FROM p WHERE p MATCH ? ORDER BY bm25(p, 0, {weights}) LIMIT {SHOWN}"

    def find(typed, every):
        quoted = [f'"{word}"' for word in words(typed)]
        asked = (" " if every else " OR ").join(quoted)
        return [row[0] for row in db.execute(text, (asked,))] if quoted else []

    return find


def measured(build, path, queries, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    began = time.perf_counter()
    find = build(path, folder)
    seconds = time.perf_counter() - began
    took, found = [], []
    for _ in range(PASSES):
        took, found = [], []
        for query in queries:
            began = time.perf_counter()
            hits = find(query, True)
            if len(hits) < FEW:
                hits = find(query, False)
            took.append((time.perf_counter() - began) * 1000)
            found.append(hits)
    result = {"seconds": seconds, "bytes": size_of(folder), "took_ms": took, "found": found}
    shutil.rmtree(folder, ignore_errors=True)
    return result


def main():
    path, queries_path, folder = sys.argv[1:4]
    with open(queries_path, encoding="utf-8") as file:
        queries = json.load(file)
    engines = {"Tantivy": in_tantivy, "SQLite FTS5": in_sqlite}
    found = {
        name: measured(build, path, queries, os.path.join(folder, f"index-{i}"))
        for i, (name, build) in enumerate(engines.items())
    }
    json.dump(found, sys.stdout)


main()

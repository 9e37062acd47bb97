// The documents made from the table of keys: the JSON schema for editors, the commented example, the tables for people.
#pragma once

#include <string>

namespace callcache
{

// JSON Schema, draft 7, as editors understand it.
std::string schema_document();

// Every key with its default, its meaning and what is allowed, commented out: a file that changes nothing as it stands.
std::string example_document();

// The tables of docs/configuration.md, in Markdown: every key, its default and its meaning; the advanced ones last.
std::string keys_document();

}  // namespace callcache

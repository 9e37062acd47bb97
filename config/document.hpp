// The documents made from the table of keys: the JSON schema for editors, and the commented example.
#pragma once

#include <string>

namespace callcache
{

// JSON Schema, draft 7, as editors understand it.
std::string schema_document();

// Every key with its default, its meaning and what is allowed, commented out: a file that changes nothing as it stands.
std::string example_document();

}  // namespace callcache

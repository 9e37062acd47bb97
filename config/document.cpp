#include "config/document.hpp"

#include "config/keys.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace callcache
{
namespace
{

std::string quoted(std::string_view text)
{
    std::string out = "\"";
    for (char c : text)
    {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string list_of(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& w : words) text += (text.empty() ? "" : ", ") + quoted(w);
    return "[" + text + "]";
}

// The type of a value in the file.
std::string schema_type(const config_key& k)
{
    switch (k.type)
    {
    case key_type::string:
    case key_type::proxy: return R"("type": "string")";
    case key_type::list: return R"("oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}])";
    case key_type::integer:
    case key_type::percent: return R"("type": "integer")";
    case key_type::decimal: return R"("type": "number")";
    case key_type::boolean: return R"("type": "boolean")";
    case key_type::duration:
        return k.words.empty() ? R"("type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$")"
                               : R"("type": "string", "pattern": "^([0-9]+(ms|s|m|h|d)|never)$")";
    case key_type::size: return R"("type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$")";
    case key_type::tools:
        return R"("type": "object", "additionalProperties": {"type": "object", "additionalProperties": false, )"
               R"("properties": {"daily": {"type": "integer", "minimum": 1}, )"
               R"("class": {"type": "string", "enum": ["interactive", "background"]}, )"
               R"("wait_max": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}}})";
    case key_type::routes:
        return R"("type": "array", "items": {"type": "object", "additionalProperties": false, )"
               R"("required": ["path", "fresh"], "properties": {"path": {"type": "string", "pattern": "^/"}, )"
               R"("fresh": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}, "override": {"type": "boolean"}}})";
    case key_type::word: return R"("type": "string", "enum": )" + list_of(k.words);
    }
    return "";
}

// A value as it stands in the file.
std::string file_value(const config_key& k, const std::string& value)
{
    bool bare = k.type == key_type::integer || k.type == key_type::percent || k.type == key_type::decimal ||
                k.type == key_type::boolean || k.type == key_type::tools || k.type == key_type::routes;
    return bare ? value : quoted(value);
}

// The keys as the tree of sections that the file is.
struct section
{
    std::vector<std::string> order;
    std::map<std::string, std::unique_ptr<section>> sections;
    std::map<std::string, const config_key*> keys;

    section& below(const std::string& name)
    {
        auto& s = sections[name];
        if (!s)
        {
            s = std::make_unique<section>();
            order.push_back(name);
        }
        return *s;
    }
};

void put(section& root, const config_key& k)
{
    section* at = &root;
    std::string path(k.path);
    for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.'))
    {
        at = &at->below(path.substr(0, dot));
        path.erase(0, dot + 1);
    }
    at->keys[path] = &k;
    at->order.push_back(path);
}

// In each section the advanced ones come last.
section tree_of_keys()
{
    section root;
    for (bool advanced : {false, true})
        for (const config_key& k : config_keys())
            if (!k.secret && k.is_advanced == advanced) put(root, k);
    return root;
}

std::string schema_of(const section& s, const std::string& indent)
{
    std::string text =
        "\"type\": \"object\",\n" + indent + "\"additionalProperties\": false,\n" + indent + "\"properties\": {\n";
    for (std::size_t i = 0; i < s.order.size(); ++i)
    {
        const std::string& name = s.order[i];
        text += indent + "  " + quoted(name) + ": {";
        if (auto below = s.sections.find(name); below != s.sections.end())
            text += "\n" + indent + "    " + schema_of(*below->second, indent + "    ") + "\n" + indent + "  }";
        else
        {
            const config_key& k = *s.keys.at(name);
            text += schema_type(k) + ", \"default\": " + file_value(k, k.show({})) + ",\n" + indent +
                    "    \"description\": " + quoted(std::string(k.meaning) + " Allowed: " + k.allowed + ".") + "}";
        }
        text += i + 1 < s.order.size() ? ",\n" : "\n";
    }
    return text + indent + "}";
}

std::string example_of(const section& s, const std::string& indent)
{
    std::string text;
    bool is_advanced = false;
    for (const std::string& name : s.order)
    {
        if (auto below = s.sections.find(name); below != s.sections.end())
        {
            text += indent + quoted(name) + ": {\n" + example_of(*below->second, indent + "  ") + indent + "},\n";
            continue;
        }
        const config_key& k = *s.keys.at(name);
        if (k.is_advanced && !std::exchange(is_advanced, true))
            text += indent + "// --- Advanced: few need these. ---\n\n";
        text += indent + "// " + std::string(k.meaning) + "\n" + indent + "// Allowed: " + k.allowed + ".\n";
        text += indent + "// " + quoted(name) + ": " + file_value(k, k.show({})) + ",\n\n";
    }
    return text;
}

// A row of Markdown's tables, in which a bar ends a cell.
std::string table_row(const config_key& k)
{
    std::string value = k.show({}), meaning = std::string(k.meaning) + " Allowed: " + k.allowed + ".";
    for (std::size_t at = 0; (at = meaning.find_first_of("|<*", at)) != std::string::npos; at += 2)
        meaning.insert(at, 1, '\\');
    return "| `" + std::string(k.path) + "` | " + (value.empty() ? "–" : "`" + value + "`") + " | " + meaning + " |\n";
}

}  // namespace

std::string keys_document()
{
    std::string text;
    for (bool advanced : {false, true})
    {
        text += advanced ? "\n## Advanced keys\n\nFew need these.\n\n" : "## Basic keys\n\n";
        text += "| key | default | meaning |\n|---|---|---|\n";
        for (const config_key& k : config_keys())
            if (k.is_advanced == advanced) text += table_row(k);
    }
    return text;
}

std::string schema_document()
{
    section root = tree_of_keys();
    root.order.insert(root.order.begin(), "$schema");
    static const config_key self{"$schema",
                                 "The schema that an editor checks this file with.",
                                 key_type::string,
                                 "a path or an address",
                                 false,
                                 {},
                                 {},
                                 [](const settings&) { return std::string("callcache.schema.json"); }};
    root.keys["$schema"] = &self;
    return "{\n  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n  \"title\": \"callcache "
           "configuration\",\n  " +
           schema_of(root, "  ") + "\n}\n";
}

std::string example_document()
{
    return "// callcache's configuration, with every key at its default. Take the `//` away from what you change.\n"
           "// Start with: callcache serve --config FILE. The environment (CALLCACHE_SERVER_LISTEN for server.listen) "
           "and\n"
           "// flags (--set server.listen=…) win over this file.\n{\n  \"$schema\": \"callcache.schema.json\",\n\n" +
           example_of(tree_of_keys(), "  ") + "}\n";
}

}  // namespace callcache

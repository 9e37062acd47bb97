// Bounds the number of tools that are told apart, wherever something is kept for each tool.
//
// A tool names itself, so one tool may come with any number of names. A name that has a place in a table keeps it, and
// none is put out for another. A new name takes a free place; when there is none, it shares one place with all the
// others that came too late. That place is beyond the bound, so a newcomer is always counted and always has its turn.
//
// Each table frees places in its own way: a counter never does, as it must not go back; the shares of a day do when the
// day forgets a tool; the queue does when nothing of a tool waits.
#pragma once

#include <cstddef>
#include <string_view>

namespace callcache
{

inline constexpr std::size_t tools_max = 100;
inline constexpr std::string_view other_tools = "(others)";  // cannot be a name in /@name/, nor of a token

// The name under which `table`, a set or a map by name, has `tool`, or is to have it: its own, or other_tools.
template<class Table>
std::string_view name_in(const Table& table, std::string_view tool)
{
    return table.size() < tools_max || table.contains(tool) ? tool : other_tools;
}

}  // namespace callcache

// A small text in a file, which outlives the process and a power cut.
#pragma once

#include <string>

namespace callcache
{

// Replaces the file by one that holds `text`: afterwards it holds the old or the new one, whole. Waits for the disk.
// False: it could not be written, and holds what it held; errno says why.
bool replace_durably(const std::string& path, const std::string& text);

}  // namespace callcache

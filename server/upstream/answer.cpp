#include "server/upstream/answer.hpp"

#include "config/ascii.hpp"

namespace callcache
{

const std::string* upstream_answer::find(std::string_view lower_name) const
{
    for (const field& f : fields)
        if (equals_lower(f.first, lower_name)) return &f.second;
    return nullptr;
}

}  // namespace callcache

#include "tests/support/secrets.hpp"

#include "server/secrets/credential.hpp"

#include <fstream>
#include <iterator>

namespace callcache::test
{
namespace
{

// Base64 of any text that holds `part` holds one of these: three places where it may begin within a group.
std::vector<std::string> base64_of_inside(const std::string& part)
{
    std::vector<std::string> forms;
    for (std::size_t before = 0; before < 3; ++before)
    {
        std::size_t whole = (before + part.size()) / 3 * 4;  // the last group may depend on what follows
        std::size_t begun = before == 0 ? 0 : 4;             // and the first on what stands before
        forms.push_back(base64(std::string(before, 'x') + part).substr(begun, whole - begun));
    }
    return forms;
}

std::string hexadecimal(const std::string& text)
{
    std::string out;
    for (unsigned char c : text) out.append({"0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]});
    return out;
}

}  // namespace

std::string secrets::make()
{
    // Digits in the middle, so that a part that was cut off is found too.
    std::string one = "ZqX7-" + std::to_string(90'010'000 + all_.size() * 7919) + "-VwK3-" +
                      std::to_string(40'020'000 + all_.size() * 104'729);
    all_.push_back(one);
    return one;
}

std::string secrets::found_in(const std::string& text) const
{
    std::string found;
    for (const std::string& s : all_)
    {
        std::vector<std::string> forms = base64_of_inside(s);
        forms.push_back(s);
        forms.push_back(hexadecimal(s));
        for (const std::string& form : forms)
            if (std::size_t at = text.find(form); at != std::string::npos)
                found += form + " in …" + text.substr(at - std::min<std::size_t>(at, 80), form.size() + 120) + "…\n";
    }
    return found;
}

std::string secrets::found_below(const std::filesystem::path& folder) const
{
    std::string found;
    for (const auto& f : std::filesystem::recursive_directory_iterator(folder))
    {
        std::ifstream in(f.path(), std::ios::binary);
        std::string in_it = found_in(std::string(std::istreambuf_iterator<char>(in), {}));
        if (!in_it.empty()) found += f.path().string() + ": " + in_it;
    }
    return found;
}

}  // namespace callcache::test

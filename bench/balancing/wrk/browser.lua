-- Heads as a browser sends them, about 500 bytes, for 2,000 paths.
local requests, turn = {}, 0

init = function()
  local headers = {
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ["Accept-Language"] = "en-US,en;q=0.5",
    ["Accept-Encoding"] = "gzip, deflate, br, zstd",
    ["Cookie"] = "session=0123456789abcdef0123456789abcdef; theme=dark; seen=1",
    ["Sec-Fetch-Dest"] = "document",
    ["Sec-Fetch-Mode"] = "navigate",
    ["Cache-Control"] = "max-age=0",
  }
  for index = 1, 2000 do
    requests[index] = wrk.format("GET", "/p/articles/" .. (index * 7919) .. "?page=" .. index, headers)
  end
end

request = function()
  turn = turn % 2000 + 1
  return requests[turn]
end

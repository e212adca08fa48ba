using System.CommandLine;
using MeshProxy.Gateway;

return await CommandLine.Create().Parse(args).InvokeAsync();

// The micro-benchmarks: dotnet run -c Release --project benchmarks/MeshProxy.Benchmarks -- --filter "*"
BenchmarkDotNet.Running.BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);

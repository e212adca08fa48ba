using System.Collections.Concurrent;
using System.Net;
using System.Reflection;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;

namespace MeshProxy.TestSupport;

/// <summary>Builds config records with every property set, so that a test can require that records compare by value: one that does
/// not would make each update drain everything.</summary>
public static class RecordFiller
{
    private static readonly ConcurrentDictionary<(Type Type, int Variant), object> s_stubs = new();

    /// <summary>The public records of a namespace.</summary>
    public static IEnumerable<Type> Records(Assembly assembly, string ns) => assembly.GetExportedTypes()
        .Where(type => type.Namespace == ns && !type.IsAbstract && type.GetMethod("<Clone>$") is not null);

    /// <summary>The properties that a record's author sets.</summary>
    public static IEnumerable<PropertyInfo> Settable(Type record) => record.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite);

    /// <summary>A new object each time; equal for equal variants, different in every property for different ones.</summary>
    public static object Fill(Type type, int variant)
    {
        var underlying = Nullable.GetUnderlyingType(type) ?? type;
        if (underlying.IsEnum)
        {
            var values = Enum.GetValues(underlying);
            return values.GetValue(variant % values.Length)!;
        }

        if (underlying.IsGenericType && underlying.GetGenericTypeDefinition() == typeof(EquatableArray<>))
        {
            var item = underlying.GetGenericArguments()[0];
            var items = Array.CreateInstance(item, 2);
            items.SetValue(Fill(item, variant), 0);
            items.SetValue(Fill(item, variant + 1), 1);
            return Activator.CreateInstance(underlying, BindingFlags.NonPublic | BindingFlags.Instance, null, [items], null)!;
        }

        return underlying switch
        {
            _ when underlying == typeof(string) || underlying == typeof(object) => $"text{variant}",
            _ when underlying == typeof(byte) => (byte)(variant + 1),
            _ when underlying.IsInterface => s_stubs.GetOrAdd((underlying, variant), static key => Stub(key.Type)),
            _ when underlying == typeof(bool) => variant % 2 == 1,
            _ when underlying == typeof(int) => variant + 1,
            _ when underlying == typeof(uint) => (uint)variant + 1,
            _ when underlying == typeof(long) => (long)variant + 1,
            _ when underlying == typeof(double) => variant + 1.0,
            _ when underlying == typeof(TimeSpan) => TimeSpan.FromSeconds(variant + 1),
            _ when underlying == typeof(CidrRange) => new CidrRange(new IPAddress([10, (byte)variant, 0, 0]), 16),
            _ when underlying == typeof(NetworkAddress) => NetworkAddress.Loopback(variant + 1),
            _ => FillRecord(underlying, variant),
        };
    }

    /// <summary>As <see cref="Fill"/>, with one property of another variant.</summary>
    public static object FillExcept(Type record, int variant, PropertyInfo property, int otherVariant)
    {
        var result = Fill(record, variant);
        property.SetValue(result, Fill(property.PropertyType, otherVariant));
        return result;
    }

    /// <summary>An object for a property that holds a service: records compare it by reference, so that there is one for each variant.</summary>
    private static object Stub(Type type) => DispatchProxy.Create(type, typeof(StubProxy));

    private static object FillRecord(Type record, int variant)
    {
        var constructor = record.GetConstructors().OrderBy(c => c.GetParameters().Length).Last(c => !IsCopy(c, record));
        var result = constructor.Invoke([.. constructor.GetParameters().Select(parameter => Fill(parameter.ParameterType, variant))]);
        foreach (var property in Settable(record))
        {
            property.SetValue(result, Fill(property.PropertyType, variant));
        }

        return result;
    }

    private static bool IsCopy(ConstructorInfo constructor, Type record) =>
        constructor.GetParameters() is [var only] && only.ParameterType == record;
}

/// <summary>Implements any interface; no member may be called but those of object.</summary>
public class StubProxy : DispatchProxy
{
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => throw new NotSupportedException(targetMethod?.Name);
}

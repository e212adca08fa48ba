using System.Reflection;
using MeshProxy.Core.Config;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.Config;

public sealed class ConfigRecordEqualityTests
{
    public static TheoryData<Type> Records => [.. RecordFiller.Records(typeof(ListenerConfig).Assembly, typeof(ListenerConfig).Namespace!)];

    [Theory]
    [MemberData(nameof(Records))]
    public void Record_BuiltTwice_IsEqualAndHashesEqually(Type record)
    {
        var one = RecordFiller.Fill(record, 1);
        var other = RecordFiller.Fill(record, 1);

        one.ShouldNotBeSameAs(other);
        one.Equals(other).ShouldBeTrue();
        one.GetHashCode().ShouldBe(other.GetHashCode());
    }

    [Theory]
    [MemberData(nameof(Records))]
    public void Record_OnePropertyChanged_IsNotEqual(Type record)
    {
        var one = RecordFiller.Fill(record, 0);
        foreach (var property in RecordFiller.Settable(record).Where(CanDiffer))
        {
            one.Equals(RecordFiller.FillExcept(record, 0, property, 1)).ShouldBeFalse(property.Name);
        }
    }

    // An enum whose further members are still to come has nothing to change to.
    private static bool CanDiffer(PropertyInfo property) => !property.PropertyType.IsEnum || Enum.GetValues(property.PropertyType).Length > 1;
}

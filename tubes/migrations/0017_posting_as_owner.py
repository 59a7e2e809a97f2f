from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tubes', '0016_filters'),
    ]

    operations = [
        migrations.AddField(
            model_name='seat',
            name='posts_as_owner',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether what its owner says in other rooms is posted without their name before it.'),
        ),
    ]
